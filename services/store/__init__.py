"""A participant's store: Iceberg tables in two warehouses, `private` and `published`."""
