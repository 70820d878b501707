"""Own stays, packages and tours: who offers them, what is offered, what of it is held and sold."""
