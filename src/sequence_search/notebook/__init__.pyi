from .widget import Playground as Playground
