"""Identity: the tenant, and the people behind handles, phones and memberships."""
