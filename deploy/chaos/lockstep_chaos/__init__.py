"""Breaks hosts, processes and networks under real daemons, and reads from the workers' own record what came of it."""
