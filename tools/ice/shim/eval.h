/* CPython dropped this header with 3.11; Ice includes it and takes nothing from it. */
