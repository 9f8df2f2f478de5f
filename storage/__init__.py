"""Where everything is kept: tables, migrations, and repository functions behind one seam, `Database`."""
