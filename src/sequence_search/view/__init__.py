"""Pages served on this machine: a study that is followed, and a task that is stated and searched."""
