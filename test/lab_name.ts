// To be imported before anything of the lab: tests have a lab of their own beside the one that somebody looks at.

process.env.PODLANE_LAB ??= 'test'
