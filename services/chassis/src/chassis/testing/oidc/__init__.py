"""An OpenID Connect issuer for tests: a real process with keys, people, consent and bad days."""
