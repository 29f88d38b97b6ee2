"""A story point (*vertelpunt*): what it asks, the form on which stories are told, and one told story taken in."""
