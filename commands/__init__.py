"""What the command line ``tripsaga`` can do, one module per matter."""
