"""Pseudonyms, parcels and keys: bytes in, bytes out; no files, no network, no settings, no options.

| file | holds |
| --- | --- |
| `oprf.py` | the verifiable oblivious function by which no key service sees an address |
| `pseudonym.py` | what goes into it and what becomes of its outputs; event ids |
| `parcel.py` | the sealed, signed batch of events |
| `header.py` | both headers of a parcel in canonical bytes |
| `keys.py` | a participant's secret and public keys, their ids and their text form |
| `masking.py` | additive masks under which only a region's sum can be read |
| `sealing.py` | encryption at rest under a participant's own key |
| `errors.py` | one class for each thing that can be wrong |
"""
