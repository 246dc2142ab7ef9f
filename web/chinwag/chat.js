// The module's one class: puts the parts together. (A skeleton so far: the types in chinwag.d.ts are what is kept.)

export class Chinwag extends EventTarget {}
