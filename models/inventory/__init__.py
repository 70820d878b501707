"""What we keep count of ourselves: claims on places, refused by the database when there is none."""
