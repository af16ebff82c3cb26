import 'maplibre-gl/dist/maplibre-gl.css';
import './css/console.css';
import { App } from './app';
import { startLanguage } from './i18n';
import { applyTheme } from './theme';

applyTheme();
startLanguage();
new App().start();
