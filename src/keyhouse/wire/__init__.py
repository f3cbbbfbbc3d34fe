"""HTTP manners that every face shares: error envelope, paging, security headers."""
