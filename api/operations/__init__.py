"""Cases and events of gateways, for operators."""
