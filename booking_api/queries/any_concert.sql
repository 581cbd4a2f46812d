-- any_concert: whether the catalogue has anything at all.
SELECT EXISTS (SELECT FROM concert) AS found
