"""Sample exports of a network of real municipalities and made-up partners, calibrated on published figures."""

from services.samples.generate import SampleSummary, write_samples
from services.samples.network import load_network

__all__ = ["SampleSummary", "load_network", "write_samples"]
