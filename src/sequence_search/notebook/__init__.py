"""What notebooks show: values as HTML, their figures and tables."""
