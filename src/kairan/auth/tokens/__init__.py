"""Login by access token: issuers' keys, claims, and what a token allows."""
