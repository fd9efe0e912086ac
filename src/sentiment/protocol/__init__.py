"""REST protocol: request and response formats, KServe V2 tensors, validation."""
