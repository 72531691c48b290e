"""Loading models, and the root module whose forward returns the loss."""
