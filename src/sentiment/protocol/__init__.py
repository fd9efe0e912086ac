"""Requests and answers of the REST API: forms, KServe V2 tensors, validation."""
