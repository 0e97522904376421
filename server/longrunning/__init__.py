"""The server side of google.longrunning.Operations."""
