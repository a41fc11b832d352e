"""OnDraw: a user's function that draws over every picture, with whatever library, on the sink's own context."""

from libc.string cimport memset

from camkit.gl_core._enums cimport (
    GL_COLOR_ATTACHMENT0,
    GL_COLOR_BUFFER_BIT,
    GL_DRAW_FRAMEBUFFER,
    GL_FRAMEBUFFER,
    GL_FRAMEBUFFER_COMPLETE,
    GL_LINEAR,
    GL_R8,
    GL_R16,
    GL_READ_FRAMEBUFFER,
    GL_RG8,
    GL_RGB8,
    GL_RGBA16F,
    GL_RGBA32F,
    GL_RGBA8,
    GL_SRGB8_ALPHA8,
    GL_TEXTURE_2D,
    GL_TEXTURE_HEIGHT,
    GL_TEXTURE_INTERNAL_FORMAT,
    GL_TEXTURE_WIDTH,
)
from camkit.gl_core._state cimport ALIGNMENT_DEFAULT, ALIGNMENT_OURS, reset_state
from camkit.gl_core._types cimport GLenum, GLint
from camkit.memory_manager._format cimport PixelFormat_of

from collections import namedtuple
from threading import get_ident

from camkit.errors import GLError, GLInvalidCall

cdef dict AT_WORK = {}  # thread: the context of the on_draw function that is at work in it, the innermost

cdef dict FORMATS = {
    GL_R8: "R8", GL_RG8: "RG8", GL_RGB8: "RGB8", GL_RGBA8: "RGBA8", GL_R16: "R16", GL_RGBA16F: "RGBA16F",
    GL_RGBA32F: "RGBA32F", GL_SRGB8_ALPHA8: "SRGB8_ALPHA8",
}

Texture = namedtuple("Texture", "name size format target")
Texture.__doc__ = """A texture of OpenGL.

Attributes
----------
name : int
    By which OpenGL and every library know it.
size : (int, int)
    In texels: a row of YUYV has half as many as pixels.
format : str
    As it is stored, such as ``"R8"`` or ``"RGBA8"``; a number in hex if it is an unusual one.
target : int
    GL_TEXTURE_2D.
"""
FrameInfo = namedtuple("FrameInfo", "sequence timestamp_ns format size gap")
FrameInfo.__doc__ = """What is known of the frame that is drawn; the attributes are those of `Frame`."""


cdef class DrawContext:
    """What an `on_draw` function is told, and what it may ask for; valid during its call, in the thread of the call.

    When the function is called the context is current, the framebuffer bound, the viewport over all of it, the picture
    drawn, and blending, tests, masks and pixel storage are as OpenGL has them at first. It may bind and set what it
    likes: before the next frame camkit sets what its own drawing needs. What it must end itself are conditional
    rendering, transform feedback and queries, and it must leave camkit's objects alone. Its own objects it may delete
    in this thread only; with the context, when the sink stops, all are gone.

    `moderngl.init_context(ctx)` makes moderngl use this context.
    """

    def __init__(self):
        raise TypeError("a DrawContext comes with on_draw=")

    @property
    def size(self):
        """(int, int): of the framebuffer, in pixels."""
        p = self.now("tell the size")
        return p.width, p.height

    @property
    def framebuffer(self):
        """int: what is drawn into; 0 is the window."""
        return self.now("tell the framebuffer").framebuffer

    @property
    def box(self):
        """(int, int, int, int): x, y, width and height of the picture in the framebuffer, y from its row 0."""
        p = self.now("tell where the picture is")
        return p.x, p.y, p.picture_width, p.picture_height

    @property
    def upward(self):
        """bool: row 0 of the framebuffer is the lowest that is seen, as in a window; else it is the top row."""
        return self.now("tell which way is up").upward

    @property
    def picture(self):
        """Texture: the frame in R'G'B', in its own size, row 0 its top row."""
        return self.texture(self.now("tell the picture").picture)

    @property
    def frame(self):
        """FrameInfo: of the frame that is drawn, or that was drawn last when a window changes its size."""
        f = self.now("tell the frame").frame
        return FrameInfo(f.sequence, f.timestamp_ns, PixelFormat_of(f.format).name, (f.width, f.height), f.gap)

    @property
    def version(self):
        """(int, int): of OpenGL."""
        return self.functions.version

    @property
    def extensions(self):
        """frozenset of str: of OpenGL."""
        return self.functions.extensions

    def get_proc(self, str name not None):
        """Return the address of an OpenGL function, 0 if there is none."""
        return self.context.get_proc(name)

    def load_opengl_function(self, str name not None):
        """Return the address of an OpenGL function, 0 if there is none; the name that moderngl asks by."""
        return self.context.get_proc(name)

    def show(self, texture, *, bint flip=False):
        """Draw somebody's texture where the picture is.

        Parameters
        ----------
        texture : Texture or int
            A 2D colour texture, or its name; its row 0 is the top row.
        flip : bool, optional
            Its row 0 is the lowest, as of what was rendered by OpenGL.

        Raises
        ------
        GLInvalidCall
            There is no such texture, or it cannot be read so.
        """
        p = self.now("show a texture")
        found = self.texture(getattr(texture, "name", texture))
        self.attach(0, found, "read")
        box = (p.x, p.y, p.picture_width, p.picture_height)
        self.blit(self.framebuffers[0], found.size, p.framebuffer, box, p.upward != flip)

    def copy_to(self, texture, *, bint flip=False):
        """Draw the picture into somebody's texture, all over it.

        Parameters
        ----------
        texture : Texture or int
            A 2D colour texture that can be drawn into, or its name.
        flip : bool, optional
            Let its row 0 be the lowest of the picture. Default: the top row.

        Raises
        ------
        GLInvalidCall
            There is no such texture, or it cannot be drawn into.
        """
        p = self.now("copy the picture")
        found = self.texture(getattr(texture, "name", texture))
        picture = self.texture(p.picture)
        self.attach(1, found, "draw into")
        self.attach(0, picture, "read")
        self.blit(self.framebuffers[0], picture.size, self.framebuffers[1], (0, 0, *found.size), flip)

    def share(self):
        """Make another context, for another thread, which has the same textures and buffers.

        Returns
        -------
        EglContext
            Current nowhere: call its `make_current` in the thread that is to use it, and there its `destroy`.

        Raises
        ------
        GLError
            The system cannot; only contexts of EGL can.
        """
        self.now("share the context")
        return self.context.share()

    def texture(self, GLuint name):
        """Ask OpenGL about a texture.

        Raises
        ------
        GLInvalidCall
            There is no texture of this name.
        """
        cdef GLint width = 0, height = 0, internal = 0
        self.now("look at a texture")
        if not self.functions.f.IsTexture(name):
            raise GLInvalidCall(f"cannot use texture {name}: there is none of this name in the sink's context")
        self.functions.f.BindTexture(GL_TEXTURE_2D, name)
        self.functions.check(f"use texture {name} as a GL_TEXTURE_2D")
        self.functions.f.GetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_WIDTH, &width)
        self.functions.f.GetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_HEIGHT, &height)
        self.functions.f.GetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_INTERNAL_FORMAT, &internal)
        return Texture(name, (width, height), FORMATS.get(internal, hex(internal)), GL_TEXTURE_2D)

    cdef painting *now(self, str what) except NULL:
        if self.p == NULL:
            raise GLError(f"cannot {what}: the call of on_draw is over, and its context with it")
        if self.context.egl is None or not self.context.egl.is_current():
            self.context.make_current()  # a library that has contexts of its own may have left one of them current
        return self.p

    cdef int attach(self, int which, object texture, str what) except -1:
        cdef GLenum answer
        if not self.framebuffers[which]:
            self.functions.f.GenFramebuffers(1, &self.framebuffers[which])
        self.functions.f.BindFramebuffer(GL_FRAMEBUFFER, self.framebuffers[which])
        self.functions.f.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture.name, 0)
        answer = self.functions.f.CheckFramebufferStatus(GL_FRAMEBUFFER)
        self.functions.check(f"{what} texture {texture.name}")
        if answer != GL_FRAMEBUFFER_COMPLETE:
            raise GLInvalidCall(f"cannot {what} texture {texture.name} ({texture.format}): glCheckFramebufferStatus() "
                                f"said {answer:#x}")
        return 0

    cdef int blit(self, GLuint source, tuple size, GLuint to, tuple box, bint flip) except -1:
        cdef int width = size[0], height = size[1], x = box[0], y = box[1], w = box[2], h = box[3]
        reset_state(&self.functions.f, ALIGNMENT_DEFAULT)  # a scissor of the caller's would cut it
        self.functions.f.BindFramebuffer(GL_READ_FRAMEBUFFER, source)
        self.functions.f.BindFramebuffer(GL_DRAW_FRAMEBUFFER, to)
        self.functions.f.BlitFramebuffer(0, 0, width, height, x, y + h if flip else y, x + w, y if flip else y + h,
                                         GL_COLOR_BUFFER_BIT, GL_LINEAR)
        self.functions.check("copy between textures")
        self.functions.f.BindFramebuffer(GL_FRAMEBUFFER, self.p.framebuffer)
        return 0


cdef class OnDraw(Painter):
    """Call a function for every picture, on the thread of the sink and with the GIL.

    Parameters
    ----------
    call : callable
        Takes a DrawContext and a tuple of Texture, one for each plane of the frame as the camera gave it. What it
        raises stops the sink. Its `context_ends()`, if it has one, is called before the context goes.
    """

    def __init__(self, call):
        if not callable(call):
            raise TypeError(f"on_draw is {call!r}, not a function of a context and textures")
        self.call = call

    cdef int use(self, context) except -1:
        self.context = context
        return 0

    cdef int open(self, Functions functions) except -1:
        self.drawing = DrawContext.__new__(DrawContext)
        self.drawing.functions = functions
        self.drawing.context = self.context
        return 0

    cdef int paint(self, painting *p) except -1 nogil:
        with gil:
            self._call(p)
        return 0

    cdef int close(self) except -1:
        ends = getattr(self.call, "context_ends", None)
        if self.drawing is not None and ends is not None:
            ends()
        if self.drawing is not None:
            self.drawing.functions.f.DeleteFramebuffers(2, self.drawing.framebuffers)
            memset(self.drawing.framebuffers, 0, sizeof(self.drawing.framebuffers))
        self.drawing = self.context = None
        return 0

    cdef int _call(self, painting *p) except -1:
        cdef int i
        cdef GLuint framebuffer = p.framebuffer
        cdef object thread = get_ident()
        outer = AT_WORK.get(thread)
        self.drawing.p = p
        AT_WORK[thread] = self.context
        reset_state(&self.drawing.functions.f, ALIGNMENT_DEFAULT)
        try:
            textures = tuple([self.drawing.texture(p.textures[i]) for i in range(p.texture_count)])
            self.drawing.functions.f.BindFramebuffer(GL_FRAMEBUFFER, framebuffer)
            self.call(self.drawing, textures)
        finally:
            self.drawing.p = NULL
            AT_WORK.pop(thread)
            if outer is not None:
                AT_WORK[thread] = outer
            self.context.make_current()
            reset_state(&self.drawing.functions.f, ALIGNMENT_OURS)
        return 0


def resume():
    """Make the context current again that the on_draw function of this thread draws with, if one is at work."""
    context = AT_WORK.get(get_ident())
    if context is not None:
        context.make_current()
