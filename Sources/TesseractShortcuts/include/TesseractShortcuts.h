#ifndef TESSERACT_SHORTCUTS_H
#define TESSERACT_SHORTCUTS_H

/* For a process with one thread and OMP_THREAD_LIMIT=1, after libtesseract was loaded.
   png: how Leptonica calls that format. Returns how many of the two shortcuts are taken. */
int tesseract_shorten(int png);

#endif
