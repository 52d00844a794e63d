"""What the demonstration is fed with; NOTICE says where it comes from."""
