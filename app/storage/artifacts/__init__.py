"""Arrays of runs that are files: too large for rows, written by the processes that compute, read in parts."""
