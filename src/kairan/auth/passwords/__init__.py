"""Login by password: whose it is (authenticator.py), its Argon2id hash, and whose hash is made first."""
