"""What is bound: HTTP rules from annotations, service files and code, checked and routed."""
