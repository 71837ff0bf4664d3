"""Login by password: hashing, and who must wait for it."""
