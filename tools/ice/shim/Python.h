/*
 * What Ice 3.6 needs of CPython and newer versions no longer have, given back around the real header.
 * The folder of this file comes first on the include path; C files pass through untouched.
 */
#pragma GCC system_header
#include_next <Python.h>

#ifdef __cplusplus

#if PY_VERSION_HEX >= 0x030B0000
/* The thread state became opaque. Ice reads one field of it, the current frame, to name a function in an error. */
struct FiliationThreadState
{
    PyFrameObject* frame;
};

static inline FiliationThreadState*
filiationThreadState()
{
    static thread_local FiliationThreadState state;
    state.frame = PyEval_GetFrame();
    return &state;
}

#undef PyThreadState_GET
#define PyThreadState_GET() filiationThreadState()
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define PyEval_CallObject(callable, arguments) PyObject_CallObject(callable, arguments)

/* The old buffer calls gave a pointer that lives as long as the object, and held nothing. */
static inline int
filiationBuffer(PyObject* object, int flags, void** start, Py_ssize_t* length)
{
    Py_buffer view;
    if(PyObject_GetBuffer(object, &view, flags) != 0)
    {
        return -1;
    }
    *start = view.buf;
    *length = view.len;
    PyBuffer_Release(&view);
    return 0;
}

static inline int
PyObject_AsReadBuffer(PyObject* object, const void** start, Py_ssize_t* length)
{
    return filiationBuffer(object, PyBUF_SIMPLE, const_cast<void**>(start), length);
}

static inline int
PyObject_AsWriteBuffer(PyObject* object, void** start, Py_ssize_t* length)
{
    return filiationBuffer(object, PyBUF_WRITABLE, start, length);
}
#endif

#endif
