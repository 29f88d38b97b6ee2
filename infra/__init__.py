"""How the servers of the network are started and configured, and the benchmark of this product."""
