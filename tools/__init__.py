"""Tools for those who maintain the course: build the notebooks, drive them in a browser, photograph them."""
