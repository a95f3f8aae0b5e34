"""What the user wrote: from files on disk to checked entries."""
