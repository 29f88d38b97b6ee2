"""Avro in columns: rows of a frame to Avro bytes and back, strictly; byte-equal to a row-wise Avro writer."""
