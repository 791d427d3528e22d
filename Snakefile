# The workflow itself is in workflow/; included rules never become the default target, so this file has one.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
