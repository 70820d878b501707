"""Who people are: users, what they are reached at, how they sign in."""
