"""Many runs as one: trials in the folders of a sweep, none of them run twice."""
