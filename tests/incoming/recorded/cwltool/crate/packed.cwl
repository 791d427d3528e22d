{
    "$graph": [
        {
            "class": "CommandLineTool",
            "doc": "Counts the pixels of each mask that are not 0.",
            "baseCommand": [
                "awk"
            ],
            "arguments": [
                {
                    "valueFrom": "FNR == 1 { if (f) print n + 0; f = 1; n = 0 } FNR > 3 { for (i = 1; i <= NF; i++) if ($i > 0) n++ } END { print n + 0 }",
                    "position": 1
                }
            ],
            "inputs": [
                {
                    "type": {
                        "type": "array",
                        "items": "File"
                    },
                    "inputBinding": {
                        "position": 2
                    },
                    "id": "#count.cwl/masks"
                }
            ],
            "stdout": "areas.txt",
            "id": "#count.cwl",
            "outputs": [
                {
                    "type": "File",
                    "id": "#count.cwl/areas",
                    "outputBinding": {
                        "glob": "areas.txt"
                    }
                }
            ]
        },
        {
            "class": "Workflow",
            "doc": "Areas of masks, sorted.",
            "inputs": [
                {
                    "type": {
                        "type": "array",
                        "items": "File"
                    },
                    "id": "#measure.cwl/masks"
                }
            ],
            "outputs": [
                {
                    "type": "File",
                    "outputSource": "#measure.cwl/sort/table",
                    "id": "#measure.cwl/table"
                }
            ],
            "steps": [
                {
                    "run": "#count.cwl",
                    "in": [
                        {
                            "source": "#measure.cwl/masks",
                            "id": "#measure.cwl/count/masks"
                        }
                    ],
                    "out": [
                        "#measure.cwl/count/areas"
                    ],
                    "id": "#measure.cwl/count"
                },
                {
                    "run": "#sort.cwl",
                    "in": [
                        {
                            "source": "#measure.cwl/count/areas",
                            "id": "#measure.cwl/sort/areas"
                        }
                    ],
                    "out": [
                        "#measure.cwl/sort/table"
                    ],
                    "id": "#measure.cwl/sort"
                }
            ],
            "id": "#measure.cwl"
        },
        {
            "class": "CommandLineTool",
            "doc": "Sorts areas, the smallest first.",
            "baseCommand": [
                "sort",
                "-n"
            ],
            "inputs": [
                {
                    "type": "File",
                    "inputBinding": {
                        "position": 1
                    },
                    "id": "#sort.cwl/areas"
                }
            ],
            "outputs": [
                {
                    "type": "File",
                    "id": "#sort.cwl/table",
                    "outputBinding": {
                        "glob": "table.txt"
                    }
                }
            ],
            "stdout": "table.txt",
            "id": "#sort.cwl"
        },
        {
            "class": "CommandLineTool",
            "doc": "Turns each pixel of a plain PGM image into 0 or the maximum, by a level.",
            "requirements": [
                {
                    "class": "InlineJavascriptRequirement"
                }
            ],
            "baseCommand": [
                "awk"
            ],
            "arguments": [
                {
                    "valueFrom": "NR <= 3 { print; next } { for (i = 1; i <= NF; i++) $i = ($i > level) ? 255 : 0; print }",
                    "position": 2
                }
            ],
            "inputs": [
                {
                    "type": "File",
                    "inputBinding": {
                        "position": 3
                    },
                    "id": "#threshold.cwl/image"
                },
                {
                    "type": "int",
                    "inputBinding": {
                        "prefix": "-v",
                        "position": 1,
                        "valueFrom": "level=$(self)"
                    },
                    "id": "#threshold.cwl/level"
                }
            ],
            "outputs": [
                {
                    "type": "File",
                    "id": "#threshold.cwl/mask",
                    "outputBinding": {
                        "glob": "$(inputs.image.nameroot)-mask.pgm"
                    }
                }
            ],
            "stdout": "$(inputs.image.nameroot)-mask.pgm",
            "id": "#threshold.cwl"
        },
        {
            "class": "Workflow",
            "doc": "Masks of several images, and a table of their areas.",
            "requirements": [
                {
                    "class": "ScatterFeatureRequirement"
                },
                {
                    "class": "SubworkflowFeatureRequirement"
                }
            ],
            "inputs": [
                {
                    "type": {
                        "type": "array",
                        "items": "File"
                    },
                    "id": "#main/images"
                },
                {
                    "type": "int",
                    "id": "#main/level"
                }
            ],
            "outputs": [
                {
                    "type": {
                        "type": "array",
                        "items": "File"
                    },
                    "outputSource": "#main/threshold/mask",
                    "id": "#main/masks"
                },
                {
                    "type": "File",
                    "outputSource": "#main/measure/table",
                    "id": "#main/table"
                }
            ],
            "steps": [
                {
                    "run": "#measure.cwl",
                    "in": [
                        {
                            "source": "#main/threshold/mask",
                            "id": "#main/measure/masks"
                        }
                    ],
                    "out": [
                        "#main/measure/table"
                    ],
                    "id": "#main/measure"
                },
                {
                    "run": "#threshold.cwl",
                    "scatter": "#main/threshold/image",
                    "in": [
                        {
                            "source": "#main/images",
                            "id": "#main/threshold/image"
                        },
                        {
                            "source": "#main/level",
                            "id": "#main/threshold/level"
                        }
                    ],
                    "out": [
                        "#main/threshold/mask"
                    ],
                    "id": "#main/threshold"
                }
            ],
            "id": "#main"
        }
    ],
    "cwlVersion": "v1.2"
}