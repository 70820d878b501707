"""Suppliers: one module each behind one protocol; errors are classified here, once."""
