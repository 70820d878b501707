"""What travellers find: stays, packages and tours that can really be had, the cheapest first."""
