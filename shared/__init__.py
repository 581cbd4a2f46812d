"""What both services use: errors, web plumbing, tokens, script loading, stores."""
