"""Where resources are kept and watched, and how files become one writer among others."""
