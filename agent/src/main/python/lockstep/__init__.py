"""What a training script may use of Lockstep; it runs as well without."""
