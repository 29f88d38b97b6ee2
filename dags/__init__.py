"""Schedules: one short file per DAG, each calling services. They come with the network of servers."""
