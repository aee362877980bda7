"""What else could send the texts, each as good as it can be made, through the same carrier."""
