// A test file that does nothing.
