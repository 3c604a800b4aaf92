"""What is walked, a file a topic. Each makes what it needs, and depends on no other."""
