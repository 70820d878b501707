"""Who offers stays and tours: profiles, their members, onboarding, and what reviews decide."""
