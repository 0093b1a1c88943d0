"""What ifbench comes with; everything here could as well live in a package of its own."""
