"""Files of counts that every door refuses, in the same words, and the ways to write down one that all take."""

MATRIX = b"gene,L1,L2\nFos,1,2\nArc,3,4\n"

# name -> the same counts
WRITTEN_DOWN = {
    "BOM": b"\xef\xbb\xbf" + MATRIX,  # byte order mark
    "CR": MATRIX.replace(b"\n", b"\r"),  # CR line ends
    "CRLF": MATRIX.replace(b"\n", b"\r\n"),
    "semicolons": MATRIX.replace(b",", b";"),
    "tabs": MATRIX.replace(b",", b"\t"),
    "UTF-16": MATRIX.decode().encode("utf-16"),
}

# what is wrong -> content, sentence; the file is called c.csv and the study has the libraries L1 and L2
BAD_FILES = {
    "negative": (
        b"gene,L1,L2\nFos,1,2\nArc,-3,4\n",
        "c.csv, line 3, column 'L1': '-3' is negative; counts are 0 or more. Export raw counts, not log or scaled values.",
    ),
    "missing": (
        b"gene,L1,L2\nFos,1,\nArc,3,4\n",
        "c.csv, line 2, column 'L2': the count is missing; enter 0 if no read was counted, or leave the gene out.",
    ),
    "NaN": (
        b"gene,L1,L2\nFos,1,NaN\nArc,3,4\n",
        "c.csv, line 2, column 'L2': 'NaN' is no count; enter 0 if no read was counted, or leave the gene out.",
    ),
    "infinite": (
        b"gene,L1,L2\nFos,1,2\nArc,3,inf\n",
        "c.csv, line 3, column 'L2': 'inf' is infinite; export the raw counts.",
    ),
    "fraction": (
        b"gene,L1,L2\nFos,1.5,2\nArc,3,4\n",
        "c.csv, line 2, column 'L1': '1.5' is not a whole number; export raw counts, or round with --round "
        "if these are estimates (kallisto, salmon, RSEM).",
    ),
    "gene twice": (
        b"gene,L1,L2\nFos,1,2\nArc,3,4\nFos,5,6\n",
        "c.csv, line 4: gene 'Fos' is on line 2 already; export by gene id, delete one, or add them up with --sum-duplicates.",
    ),
    "gene of a hundred letters and more": (
        b"gene,L1,L2\nFos,1,2\n" + b"g" * 101 + b",3,4\n",
        f"Gene '{'g' * 40}...' has 101 characters, more than 100; export by gene id alone.",
    ),
    "sample twice": (
        b"gene,L1,L1\nFos,1,2\nArc,3,4\n",
        "c.csv, line 1, column 'L1': columns 2 and 3 are both named 'L1'; rename or delete one.",
    ),
    "sample misspelled": (
        b"gene,L1,l-2\nFos,1,2\nArc,3,4\n",
        "Column 'l-2' is no library of this study; if it is 'L2', say so in a sample map (columns name, library), "
        "or accept such spellings with --accept-normalized.",
    ),
    "sample unknown": (
        b"gene,L1,Quite other\nFos,1,2\nArc,3,4\n",
        "Column 'Quite other' is no library of this study; enter the library first, "
        "or name it in a sample map (columns name, library).",
    ),
    "wrong delimiter": (
        b"gene L1 L2\nFos 1 2\nArc 3 4\n",
        "c.csv has one column only, so its delimiter was not found; separate the columns with tabs, commas or semicolons.",
    ),
    "empty": (b"", "c.csv is empty."),
    "long line": (
        MATRIX + b"7" * 1_000_001,
        "c.csv, line 4 has 1,000,001 characters, more than 1,000,000; this is no table, "
        "or its line ends were lost. Export it again as CSV.",
    ),
    "binary": (MATRIX + b"\0\1\2", "c.csv is not text (it has bytes of value 0); export the table as CSV."),
    "workbook": (
        b"PK\x03\x04\0\0",
        "c.csv is a zip archive or Excel workbook that is damaged or was cut short; copy or download it again.",
    ),
}
