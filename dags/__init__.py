"""Schedules of the network for Airflow, a file each; what they run is in `services.steps` and `services.tasks`."""
