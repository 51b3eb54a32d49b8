"""Honest reviews of a lamp in six languages: phrases at random, some between a shop's formulas (pure)."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from outlast_reviews.review import Review

_FORMULA = 0.35
"""How often a review begins, and how often it ends, with a formula."""


@dataclass(frozen=True, slots=True)
class Language:
    """Phrases, separated by bars: a sentence is one of each pair joined."""

    name: str
    parts: str
    are: str
    people: str
    use: str
    times: str
    found: str
    opening: str
    closing: str
    spaced: bool = True
    end: str = "."

    def text(self, rng: random.Random, *, formulas: bool = True) -> str:
        """One review of two to four sentences and perhaps formulas around them."""
        pairs = ((self.parts, self.are), (self.parts, self.are), (self.people, self.use), (self.times, self.found))
        sentences = list(dict.fromkeys(self._sentence(rng, *rng.choice(pairs)) for _ in range(rng.randint(2, 4))))
        if formulas and rng.random() < _FORMULA:
            sentences.insert(0, rng.choice(self.opening.split("|")) + self.end)
        if formulas and rng.random() < _FORMULA:
            sentences.append(rng.choice(self.closing.split("|")) + self.end)
        return self.joined(sentences)

    def words(self, text: str) -> list[str]:
        """What can be changed in a text: words, or characters where there are no spaces."""
        return text.split() if self.spaced else list(text)

    def joined(self, words: list[str]) -> str:
        return (" " if self.spaced else "").join(words)

    def _sentence(self, rng: random.Random, *phrases: str) -> str:
        return self.joined([rng.choice(some.split("|")) for some in phrases]) + self.end


def honest_reviews(language: Language, count: int, seed: int) -> Iterator[Review]:
    """By as many people; the same for the same seed."""
    rng = random.Random(f"{language.name}/{seed}")  # noqa: S311 - no secret, and always the same
    for row in range(1, count + 1):
        yield Review(row=row, text=language.text(rng), reviewer=f"Invented Person {row}", rating=5.0)


LANGUAGES = (
    Language(
        "English",
        "The light|The switch|The cable|The foot|The shade|The colour|The arm|The dimmer|The box|The plug"
        "|The glass"
        "|The bulb|The paint|The joint",
        "is better than I had expected|could be a little larger|is exactly as in the pictures"
        "|feels solid and heavy"
        "|has a small scratch on the left side|works without any trouble so far"
        "|was easier to fit than the last one"
        "|looks cheap from close by|smells of plastic for a day or two|gets rather warm after an hour"
        "|fits well with our old furniture|makes a faint noise now and then|is made of thin metal"
        "|needed two tries before it held|is hard to clean behind|seems made to last for years",
        "My mother|Our youngest son|A friend from work|My husband|The neighbour upstairs|My sister in Leeds"
        "|Our teacher|My flatmate|Grandpa|The whole family|Even our cat",
        "likes to read beside it in the evening|has already ordered another one|uses it for sewing and drawing"
        "|asked me where I had found it|thinks that it is too bright|took it to the caravan in summer"
        "|keeps it on the desk in the study|needed help with the instructions|prefers the older model"
        "|was surprised how small it is|turns it on every morning before breakfast",
        "After two weeks|Since last winter|On the first evening|Compared with my old lamp|For this price"
        "|In the reading corner|Without a manual|During a power cut|Next to the piano|With a different bulb"
        "|On a narrow shelf",
        "I have nothing to complain about|there is enough light for small print|I would choose the green one again"
        "|one thing came loose and was soon mended|it took me ten minutes to set up|I see less dust than before"
        "|my eyes no longer get tired|it does what it should and no more|I had hoped for a longer lead"
        "|the room is much more pleasant|I am still not sure about the shape",
        "Thank you for the very quick delivery of my order|Ordered on Monday and delivered on Wednesday"
        "|The parcel came well packed and on time",
        "I will gladly buy from this shop again|All in all I am happy with what I bought"
        "|I can recommend this seller to everybody",
    ),
    Language(
        "German",
        "Das Licht|Der Schalter|Das Kabel|Der Fuß|Der Schirm|Die Farbe|Der Arm|Der Dimmer|Der Karton|Der Stecker"
        "|Das Glas|Die Birne|Der Lack|Das Gelenk",
        "ist besser als ich erwartet hatte|könnte etwas größer sein|sieht genau aus wie auf den Bildern"
        "|fühlt sich schwer und stabil an|hat links einen kleinen Kratzer|macht bisher keinerlei Ärger"
        "|ließ sich leichter anbringen als beim letzten Mal|wirkt aus der Nähe etwas billig"
        "|riecht ein paar Tage lang nach Kunststoff|wird nach einer Stunde ziemlich warm"
        "|passt gut zu unseren alten Möbeln|gibt ab und zu ein leises Geräusch von sich|besteht aus dünnem Blech"
        "|hielt erst beim zweiten Versuch|lässt sich hinten schlecht putzen"
        "|scheint für viele Jahre gemacht zu sein",
        "Meine Mutter|Unser jüngster Sohn|Eine Kollegin|Mein Mann|Der Nachbar von oben|Meine Schwester in Bremen"
        "|Unsere Lehrerin|Mein Mitbewohner|Opa|Die ganze Familie|Sogar unsere Katze",
        "liest abends gern daneben|hat sich gleich noch eine bestellt|nimmt sie zum Nähen und Zeichnen"
        "|wollte wissen woher ich sie habe|findet sie viel zu hell|hatte sie im Sommer im Wohnwagen dabei"
        "|hat sie im Arbeitszimmer auf dem Tisch|brauchte Hilfe mit der Anleitung|mag das ältere Modell lieber"
        "|war überrascht wie klein sie ist|schaltet sie jeden Morgen vor dem Frühstück ein",
        "Nach zwei Wochen|Seit dem letzten Winter|Am ersten Abend|Neben meiner alten Lampe|Für diesen Preis"
        "|In der Leseecke|Ohne Anleitung|Bei einem Stromausfall|Gleich neben dem Klavier|Mit einer anderen Birne"
        "|Auf einem schmalen Regal",
        "habe ich nichts auszusetzen|reicht das Licht auch für kleine Schrift|würde ich wieder die grüne nehmen"
        "|ging eine Schraube locker und war schnell fest|war alles in zehn Minuten aufgebaut"
        "|fällt mir der Staub weniger auf|werden meine Augen nicht mehr müde|tut sie was sie soll und mehr nicht"
        "|hätte ich mir eine längere Leitung gewünscht|ist das Zimmer viel gemütlicher"
        "|bin ich mir bei der Form noch unsicher",
        "Vielen Dank für die sehr schnelle Lieferung der Ware|Am Montag bestellt und am Mittwoch schon geliefert"
        "|Das Paket kam gut verpackt und pünktlich an",
        "Ich kaufe gerne wieder in diesem Shop ein|Alles in allem bin ich mit dem Kauf zufrieden"
        "|Diesen Verkäufer kann ich jedem weiterempfehlen",
    ),
    Language(
        "French",
        "La lumière|L'interrupteur|Le câble|Le pied|L'abat-jour|La couleur|Le bras|Le variateur|Le carton|La prise"
        "|Le verre|L'ampoule|La peinture|L'articulation",
        "est mieux que ce que j'attendais|pourrait être un peu plus grand|correspond tout à fait aux photos"
        "|donne une impression de solidité|porte une petite rayure à gauche|ne pose aucun problème pour le moment"
        "|se monte plus facilement que la dernière fois|fait un peu bon marché vu de près"
        "|sent le plastique pendant quelques jours|chauffe assez fort au bout d'une heure"
        "|va bien avec nos vieux meubles|fait un léger bruit de temps en temps|est fait de métal assez mince"
        "|n'a tenu qu'à la deuxième tentative|se nettoie mal par derrière|semble conçu pour durer des années",
        "Ma mère|Notre plus jeune fils|Une collègue|Mon mari|Le voisin du dessus|Ma sœur à Lyon|Notre institutrice"
        "|Mon colocataire|Papi|Toute la famille|Même notre chat",
        "aime lire à côté le soir|en a déjà commandé une autre|s'en sert pour coudre et dessiner"
        "|m'a demandé où je l'avais trouvée|la trouve beaucoup trop vive|l'a emportée en caravane cet été"
        "|la garde sur le bureau de l'étude|a eu besoin d'aide pour la notice|préfère l'ancien modèle"
        "|ne la croyait pas si petite|l'allume chaque matin avant le petit déjeuner",
        "Après deux semaines|Depuis l'hiver dernier|Le premier soir|À côté de mon ancienne lampe|Pour ce prix"
        "|Dans le coin lecture|Sans mode d'emploi|Pendant une panne de courant|Tout près du piano"
        "|Avec une autre ampoule|Sur une étagère étroite",
        "je n'ai rien à redire|on voit assez pour les petits caractères|je reprendrais volontiers la verte"
        "|une vis s'est desserrée puis a été remise|tout était monté en dix minutes|je remarque moins la poussière"
        "|mes yeux ne se fatiguent plus|elle fait ce qu'il faut et rien de plus|j'aurais aimé un fil plus long"
        "|la pièce est bien plus agréable|j'hésite encore quant à la forme",
        "Merci beaucoup pour la livraison très rapide de ma commande|Commandé lundi et livré dès mercredi matin"
        "|Le colis est arrivé bien emballé et à l'heure",
        "Je rachèterai volontiers chez ce vendeur|Dans l'ensemble je suis content de mon achat"
        "|Je peux recommander cette boutique à tout le monde",
    ),
    Language(
        "Spanish",
        "La luz|El interruptor|El cable|El pie|La pantalla|El color|El brazo|El regulador|La caja|El enchufe"
        "|El cristal|La bombilla|La pintura|La articulación",
        "es mejor de lo que esperaba|podría ser un poco más grande|es igual que en las fotos"
        "|da sensación de firmeza y peso|tiene un pequeño arañazo a la izquierda"
        "|no ha dado ningún problema hasta hoy"
        "|se monta con más facilidad que la otra vez|parece algo barato visto de cerca"
        "|huele a plástico durante unos días|se calienta bastante al cabo de una hora"
        "|va bien con nuestros muebles viejos|hace un leve ruido de vez en cuando|está hecho de metal muy fino"
        "|se sujetó solo al segundo intento|se limpia mal por detrás|parece pensado para durar años",
        "Mi madre|Nuestro hijo pequeño|Una compañera|Mi marido|El vecino de arriba|Mi hermana en Vigo"
        "|Nuestra maestra|Mi compañero de piso|El abuelo|Toda la familia|Hasta nuestro gato",
        "lee a su lado por las noches|ya ha pedido otra para su casa|la usa para coser y dibujar"
        "|me preguntó dónde la había encontrado|cree que alumbra demasiado|se la llevó a la caravana en verano"
        "|la tiene en la mesa del despacho|necesitó ayuda con las instrucciones|prefiere el modelo antiguo"
        "|se sorprendió de lo pequeña que es|la enciende cada mañana antes del desayuno",
        "Después de dos semanas|Desde el invierno pasado|La primera noche|Junto a mi lámpara vieja|Por este precio"
        "|En el rincón de lectura|Sin manual|Durante un apagón|Al lado del piano|Con otra bombilla"
        "|Sobre un estante estrecho",
        "no tengo ninguna queja|hay luz de sobra para la letra pequeña|volvería a elegir la verde"
        "|se aflojó un tornillo y lo apreté enseguida|quedó montada en diez minutos|noto menos el polvo que antes"
        "|ya no se me cansan los ojos|hace lo que debe y nada más|me habría gustado un cordón más largo"
        "|la habitación es mucho más agradable|aún tengo dudas sobre la forma",
        "Muchas gracias por el envío tan rápido de mi pedido"
        "|Pedido el lunes y entregado el miércoles por la mañana"
        "|El paquete llegó bien embalado y a tiempo",
        "Volveré a comprar con gusto en esta tienda|En general estoy contento con la compra"
        "|Puedo recomendar este vendedor a cualquiera",
    ),
    Language(
        "Japanese",
        "明かりは|スイッチは|コードは|台座は|かさは|色は|アームは|調光つまみは|外箱は|プラグは|ガラスは|電球は|塗装は|関節の部分は",
        "思っていたよりずっと良いです|もう少し大きくても良いと思います|写真で見たとおりでした|どっしりしていて安定感があります"
        "|左側に小さな傷がありました|今のところ何の問題もありません|前に買った物より取り付けが簡単でした"
        "|近くで見ると少し安っぽいです|数日はプラスチックの匂いがします|一時間ほどでかなり熱くなります"
        "|古い家具にもよく合います|ときどき小さな音がします|薄い金属でできています|二回目でようやく固定できました"
        "|裏側の掃除がしにくいです|何年も使えそうな作りです",
        "母は|一番下の息子は|職場の友人は|主人は|上の階の方は|札幌の妹は|担任の先生は|同居人は|祖父は|家族みんなが|うちの猫まで",
        "夜になるとそばで本を読んでいます|さっそくもう一台注文しました|裁縫や絵を描くときに使っています"
        "|どこで見つけたのかと聞いてきました|まぶしすぎると言っています|夏はキャンプに持って行きました"
        "|書斎の机に置いています|説明書を読むのに苦労していました|古い型のほうが好みだそうです"
        "|小ささに驚いていました|毎朝朝食の前に点けています",
        "二週間たちましたが|去年の冬から使って|届いた日の夜|前のランプと比べると|この値段なら|読書の場所では|説明書なしでも"
        "|停電のときにも|ピアノの横に置いて|電球を替えてみたら|狭い棚の上でも",
        "不満はまったくありません|細かい字まで十分読めます|次も緑を選ぶと思います|ねじが緩みましたがすぐ直せました"
        "|組み立ては十分で終わりました|ほこりが目立たなくなりました|目が疲れなくなりました|必要なことだけをしてくれます"
        "|もっと長い線が欲しかったです|部屋の雰囲気が明るくなりました|形についてはまだ迷っています",
        "この度は迅速に対応していただきありがとうございました|月曜日に注文して水曜日に届きました"
        "|梱包もとても丁寧で時間どおりに届きました",
        "また機会がありましたらよろしくお願いいたします|全体としてとても満足しています"
        "|どなたにもおすすめできるお店だと思います",
        spaced=False,
        end="。",
    ),
    Language(
        "Chinese",
        "灯光|开关|电线|底座|灯罩|颜色|支架|调光旋钮|外箱|插头|玻璃|灯泡|漆面|转轴",
        "比我想象的要好得多|要是再大一点就更好了|和图片上一模一样|拿在手里很有分量|左边有一道小划痕|到现在没出过毛病"
        "|比上次那个容易安装|近看稍微有点廉价|头几天有股塑料味|开一个小时会发烫|跟家里的旧家具很搭|偶尔会有轻微的响声"
        "|是用很薄的铁皮做的|试了两次才固定住|背面不太好擦|看样子能用好多年",
        "我妈妈|小儿子|单位的同事|我先生|楼上的邻居|在成都的妹妹|班主任|合租的室友|爷爷|全家人|连我家的猫",
        "晚上喜欢在旁边看书|马上又订了一台|拿它来缝衣服和画画|问我是在哪里找到的|觉得亮得有些刺眼|夏天带去露营了"
        "|把它放在书房桌上|看说明书费了不少劲|还是更喜欢老款|没想到会这么小|每天早饭前都要打开",
        "用了两个星期|从去年冬天开始|收到的当天晚上|跟以前的台灯比|按这个价钱来说|放在看书的角落|不看说明书|停电的时候"
        "|摆在钢琴旁边|换了一个灯泡以后|放在窄架子上",
        "没有什么可挑剔的|小字也看得很清楚|下次还会选绿色|有个螺丝松了很快拧好|十分钟就装完了|灰尘没有以前明显"
        "|眼睛不再那么累|该有的都有也就这样|希望线能再长一些|屋里舒服了很多|对形状我还是拿不准",
        "非常感谢卖家这么快就发货给我|星期一下单星期三就到了|包装得很仔细而且准时送到",
        "以后有机会还会再来这家店购买|总的来说对这次购物很满意|可以放心把这家店推荐给大家",
        spaced=False,
        end="。",
    ),
)
