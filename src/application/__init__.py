"""What the service does: one verb a file. Below, the ports: what it needs of the world."""
